"""Hardware, behind a small door (`base`): one file a kind of device."""
