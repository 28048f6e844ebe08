"""What must survive a restart? The database is the truth; everything else is a hint."""
