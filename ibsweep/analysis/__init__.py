"""Reading a sweep: statistics and summaries; needs neither Ray nor a GPU."""
