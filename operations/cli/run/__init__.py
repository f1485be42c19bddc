"""The verbs that bring the pipeline up and take it down: demo, up, deploy, package, destroy."""
