"""What runs in the container: the stages that make one bot, and the light part that every room shares."""
