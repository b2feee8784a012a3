/** One straight run of a dance. */
record Waggle(int degrees, int seconds) {

    static Waggle of(String run) {
        String[] parts = run.split("/");
        return new Waggle(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }
}
