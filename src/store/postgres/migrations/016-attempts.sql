-- Nothing looks for an attempt by its message, and each one wrote a page of this index.
DROP INDEX attempt_message;
