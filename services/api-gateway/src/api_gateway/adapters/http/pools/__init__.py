"""Pool accounts and their workers."""
