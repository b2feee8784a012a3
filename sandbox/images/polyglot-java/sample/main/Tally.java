import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Counts words; compiled and tested once when the image is built, see its Dockerfile. */
public class Tally {
    private final Map<String, Integer> counts = new TreeMap<>();

    public void add(String word) {
        if (word.isBlank()) {
            throw new IllegalArgumentException("a word has letters");
        }
        counts.merge(word, 1, Integer::sum);
    }

    public int of(String word) {
        return counts.getOrDefault(word, 0);
    }

    public List<String> words() {
        return new ArrayList<>(counts.keySet());
    }

    public String sentence() {
        return counts.entrySet().stream()
                .map(entry -> String.format("%s %d", entry.getKey(), entry.getValue()))
                .collect(Collectors.joining(", "));
    }
}
