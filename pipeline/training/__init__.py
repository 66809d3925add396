"""What learns from the posts: the model, the blocks it is trained on, DeepSpeed, and the score."""
