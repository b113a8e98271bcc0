"""Values that planning, engines and the registry share."""
