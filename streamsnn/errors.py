"""The one exception that users see: what went wrong, why, and what to do."""


class StreamsnnError(Exception):
    """A failure that the user can understand and mend.

    `message` says what went wrong and why; `hint` says what to do about it. Both the command line and the
    window print them as they stand, without a traceback.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message
