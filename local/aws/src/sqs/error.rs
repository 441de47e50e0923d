//! The errors of SQS, under the names that clients see.

/// An error of SQS: the JSON protocol's shape, the older query code that SDKs still read, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsError {
    /// The `__type` of the JSON response.
    pub shape: &'static str,
    /// The first half of the `x-amzn-query-error` header.
    pub code: &'static str,
    /// The message.
    pub message: String,
}

impl SqsError {
    fn new(shape: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { shape, code, message: message.into() }
    }

    pub(super) fn no_queue(name: &str) -> Self {
        Self::new(
            "com.amazonaws.sqs#QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            format!("The specified queue does not exist: {name}."),
        )
    }

    pub(super) fn name_taken(attribute: &str) -> Self {
        Self::new(
            "com.amazonaws.sqs#QueueNameExists",
            "QueueAlreadyExists",
            format!("A queue already exists with the same name and a different value for attribute {attribute}"),
        )
    }

    pub(super) fn bad_receipt(receipt: &str) -> Self {
        Self::new(
            "com.amazonaws.sqs#ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
            format!("The input receipt handle \"{receipt}\" is not a valid receipt handle."),
        )
    }

    pub(super) fn not_in_flight() -> Self {
        Self::new(
            "com.amazonaws.sqs#MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            "The message referred to isn't in flight.",
        )
    }

    pub(super) fn over_limit() -> Self {
        Self::new("com.amazonaws.sqs#OverLimit", "OverLimit", "Too many messages are in flight.")
    }

    pub(super) fn bad_contents() -> Self {
        Self::new(
            "com.amazonaws.sqs#InvalidMessageContents",
            "InvalidMessageContents",
            "Invalid binary character was found in the message body.",
        )
    }

    pub(super) fn batch(kind: BatchFault) -> Self {
        match kind {
            BatchFault::Empty => Self::new(
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                "There should be at least one entry in the request.",
            ),
            BatchFault::TooMany(count) => Self::new(
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                format!("Maximum number of entries per request are 10. You have sent {count}."),
            ),
            BatchFault::SameId(id) => Self::new(
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ),
            BatchFault::BadId => Self::new(
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                 It can be at most 80 letters long.",
            ),
            BatchFault::TooLong(bytes) => Self::new(
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                format!("Batch requests cannot be longer than 1048576 bytes. You have sent {bytes} bytes."),
            ),
        }
    }

    pub(super) fn bad_value(message: impl Into<String>) -> Self {
        Self::new("com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", message)
    }

    pub(super) fn bad_attribute(name: &str) -> Self {
        Self::new(
            "com.amazonaws.sqs#InvalidAttributeName",
            "InvalidAttributeName",
            format!("Unknown Attribute {name}."),
        )
    }

    pub(super) fn bad_attribute_value(name: &str) -> Self {
        Self::new(
            "com.amazonaws.sqs#InvalidAttributeValue",
            "InvalidAttributeValue",
            format!("Invalid value for the parameter {name}."),
        )
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new("com.amazon.coral.service#SerializationException", "MalformedInput", message)
    }

    pub(super) fn unknown_action(action: &str) -> Self {
        Self::new(
            "com.amazon.coral.service#UnknownOperationException",
            "InvalidAction",
            format!("The action {action} is not valid for this endpoint."),
        )
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", message)
    }

    /// Returns the error for a failed write of the journal: the change is not stored, so it must not be confirmed.
    pub(super) fn not_kept(error: &std::io::Error) -> Self {
        Self::new("com.amazon.coral.service#InternalFailure", "InternalError", format!("Failed to journal: {error}"))
    }

    /// Returns whether the fault lies with the service rather than the sender.
    pub fn is_internal(&self) -> bool {
        self.code == "InternalError"
    }
}

impl std::fmt::Display for SqsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for SqsError {}

/// The faults of a whole batch.
pub(super) enum BatchFault {
    Empty,
    TooMany(usize),
    SameId(String),
    BadId,
    TooLong(usize),
}
