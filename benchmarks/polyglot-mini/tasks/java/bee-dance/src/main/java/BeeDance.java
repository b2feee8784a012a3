class BeeDance {

    BeeDance(String runs) {
        throw new UnsupportedOperationException("Please implement the BeeDance(String) constructor.");
    }

    int metres() {
        throw new UnsupportedOperationException("Please implement the BeeDance.metres() method.");
    }

    String heading(int sun) {
        throw new UnsupportedOperationException("Please implement the BeeDance.heading() method.");
    }
}
