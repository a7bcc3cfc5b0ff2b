"""What is raised where quantisation costs more than is allowed."""


class ExportRefused(RuntimeError):
    """Quantisation cost more than was allowed; the message says where and how much.

    Example:
        >>> try:
        ...     run_stage("export_tflite", "runs/first", mode="int8")
        ... except ExportRefused as refusal:
        ...     print(refusal)
    """
