"""What do the gathered facts say? Pure: facts and settings in, findings out; time is an argument."""
