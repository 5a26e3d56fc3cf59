"""Who is calling and what they may do: principals, partner tokens, device signatures."""
