"""What a notebook is, in text: formats, headers, cells, digests."""
