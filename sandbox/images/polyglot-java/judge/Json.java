package dgm.judge;

import java.util.List;

/** Writes the little JSON that a report takes, in ASCII. */
final class Json {
    private Json() {
    }

    static String text(String value) {
        StringBuilder text = new StringBuilder("\"");
        for (char character : value.toCharArray()) {
            if (character < ' ' || character > '~' || character == '"' || character == '\\') {
                text.append(String.format("\\u%04x", (int) character));
            } else {
                text.append(character);
            }
        }
        return text.append('"').toString();
    }

    static String pair(String first, String second) {
        return "[" + text(first) + "," + text(second) + "]";
    }

    /** Returns a list of what is JSON already. */
    static String list(List<String> documents) {
        return "[" + String.join(",", documents) + "]";
    }
}
