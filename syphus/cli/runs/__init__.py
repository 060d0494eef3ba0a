"""What the commands that make, plan and mend a run share."""
