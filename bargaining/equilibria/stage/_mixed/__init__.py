"""Mixed actions of stage games in exact arithmetic."""
