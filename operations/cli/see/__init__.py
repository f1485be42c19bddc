"""The verbs that show how the pipeline is doing: leaderboard, status, logs."""
