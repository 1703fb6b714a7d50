"""The door through which media files enter: what they are, and whether they may come in.

Files are untrusted. Each is opened once and handed on by descriptor (`source`), looked at
in a child process under limits (`probe`, `child`), and decoded only with the options that
`decode` gives. Nothing here imports a media library into the calling process.
"""
