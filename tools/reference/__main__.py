"""Write the pages of docs/reference: python -m tools.reference."""

from tools.reference.pages import PAGES, write_pages

if __name__ == "__main__":
    write_pages()
    print(f"docs/reference: {len(PAGES)} pages")
