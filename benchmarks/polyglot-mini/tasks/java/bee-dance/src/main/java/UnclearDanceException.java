class UnclearDanceException extends RuntimeException {

    UnclearDanceException(String message) {
        super(message);
    }
}
