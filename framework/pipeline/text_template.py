"""Templates: texts with variables, which know where they were written and who uses them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from framework.pipeline.problems import problem_at
from wcl import Scope, Section, SourcePosition, WclError, expand, expand_all, expand_partially


@dataclass(frozen=True)
class TextTemplate:
    """A text with variables, and the position at which it was written."""

    text: str
    position: SourcePosition
    #: Position of the definition that uses it, if it is a pattern that many files share.
    user_position: SourcePosition | None = None

    def fill(self, scope: Scope) -> str:
        """Return the text with its variables filled in."""
        try:
            return expand(self.text, scope, self.position)
        except WclError as error:
            raise self._at_user(error) from error

    def fill_all(self, scope: Scope) -> list[str]:
        """Return the texts for all combinations of the lists that it holds."""
        try:
            return expand_all(self.text, scope, self.position)
        except WclError as error:
            raise self._at_user(error) from error

    def _at_user(self, error: WclError) -> WclError:
        """Return the error with the position of the definition that uses a shared pattern."""
        if self.user_position is None:
            return error
        hint = f"required by {self.position}: {self.text}"
        return WclError(*(problem_at(self.user_position, each.message, hint) for each in error.problems))


@dataclass(frozen=True)
class ModuleScope:
    """Values that the calls of a module share, and the names whose values differ from call to call."""

    scope: Scope
    #: None if these names are unknown: then nothing can be filled in before the values of a call are there.
    loop: Collection[str] | None

    def child(self, section: Section) -> ModuleScope:
        """Return the scope with the values of a section in front."""
        return ModuleScope(self.scope.child(section), self.loop)

    def fill_shared(self, template: TextTemplate) -> TextTemplate:
        """Return a template with the values filled in that all calls share, if the whole template is plain."""
        if self.loop is None:
            return template
        return replace(template, text=expand_partially(template.text, self.scope, self.loop.__contains__))
