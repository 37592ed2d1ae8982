"""The smallest script there is: what starting costs."""

print("hello")
