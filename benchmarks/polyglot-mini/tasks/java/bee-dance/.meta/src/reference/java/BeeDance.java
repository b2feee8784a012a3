import java.util.Arrays;
import java.util.IntSummaryStatistics;
import java.util.List;

class BeeDance {
    private static final int METRES_PER_SECOND = 750;
    private static final int MAX_DIFFERENCE = 20;
    private static final List<String> POINTS = List.of("N", "NE", "E", "SE", "S", "SW", "W", "NW");

    private final List<Waggle> runs;

    BeeDance(String runs) {
        this.runs = Arrays.stream(runs.split(" ")).map(Waggle::of).toList();
        if (this.runs.size() < 2) {
            throw new UnclearDanceException("one run is not enough");
        }
        IntSummaryStatistics angles = this.runs.stream().mapToInt(Waggle::degrees).summaryStatistics();
        if (angles.getMax() - angles.getMin() > MAX_DIFFERENCE) {
            throw new UnclearDanceException("the runs differ too much");
        }
    }

    int metres() {
        return METRES_PER_SECOND * runs.stream().mapToInt(Waggle::seconds).sum() / runs.size();
    }

    String heading(int sun) {
        int angle = runs.stream().mapToInt(Waggle::degrees).sum() / runs.size();
        return POINTS.get(Math.floorMod(sun + angle + 22, 360) / 45);
    }
}
