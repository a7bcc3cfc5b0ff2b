"""What the settings of stages that read archives have in common."""


class ReadsArchives:
    """Settings with a field `data`: one data source, or several that are joined.

    Example:
        >>> AuditSkinToneSettings(data="phantom:n=200").sources
        ('phantom:n=200',)
    """

    data: str | tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The data sources, also where there is one."""
        return (self.data,) if isinstance(self.data, str) else self.data

    @property
    def archives(self) -> str:
        """What a title calls the data sources: the last part of each path."""
        return ", ".join(source.rpartition("/")[2] for source in self.sources)
