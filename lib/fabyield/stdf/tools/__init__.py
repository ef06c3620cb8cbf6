"""What `fabyield stdf` does with a file beyond reading it."""
