"""What is done with the text of posts: which are kept, how many words they have, which are alike."""
