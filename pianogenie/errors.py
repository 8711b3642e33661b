"""The one error that a person is meant to read."""


class UserError(Exception):
    """Something the person at the keyboard can put right.

    The message is one line that names the file or the name at fault, the fault, and where it helps the way
    out. The command line prints it to standard error, without a traceback, and ends with exit status 2.
    """
