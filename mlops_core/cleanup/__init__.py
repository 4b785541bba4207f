"""What a branch leaves behind in the workspace, and how it goes."""
