"""What is wrong with a deployment, and what to do: facts are gathered, then judged by functions without effects."""
