"""What should run next? Intake, inbox, dispatch, recovery, and the nightly schedule."""
