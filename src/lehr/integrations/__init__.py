"""lehr inside of other people's tools, each with an extra of its own."""
