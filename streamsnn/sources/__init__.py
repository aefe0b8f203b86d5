"""Where packets come from: files, and wrappers that pace them."""
