"""What the commands share that look at, judge or correct dialogues that are there."""
