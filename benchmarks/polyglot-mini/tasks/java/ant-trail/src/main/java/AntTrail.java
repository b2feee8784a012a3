class AntTrail {

    AntTrail(String marks) {
        throw new UnsupportedOperationException("Please implement the AntTrail(String) constructor.");
    }

    int position() {
        throw new UnsupportedOperationException("Please implement the AntTrail.position() method.");
    }

    int farthest() {
        throw new UnsupportedOperationException("Please implement the AntTrail.farthest() method.");
    }

    String shortened() {
        throw new UnsupportedOperationException("Please implement the AntTrail.shortened() method.");
    }
}
