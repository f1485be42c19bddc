"""What is measured, one module a subject: `measure` gives its rows, `show` its table."""
