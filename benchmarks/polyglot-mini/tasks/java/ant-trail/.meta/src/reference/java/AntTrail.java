import java.util.regex.Matcher;
import java.util.regex.Pattern;

class AntTrail {
    private static final Pattern MOVES = Pattern.compile("([1-9][0-9]*)?([<>.])");

    private final StringBuilder shortened = new StringBuilder();
    private int position;
    private int farthest;

    AntTrail(String marks) {
        Matcher moves = MOVES.matcher(marks);
        int read = 0;
        char last = 0;
        int times = 0;
        while (moves.find() && moves.start() == read) {
            read = moves.end();
            char mark = moves.group(2).charAt(0);
            int more = moves.group(1) == null ? 1 : Integer.parseInt(moves.group(1));
            if (mark != last) {
                write(last, times);
                times = 0;
            }
            last = mark;
            times += more;
            move(mark, more);
            if (position < 0) {
                break;
            }
        }
        if (read < marks.length() || position < 0) {
            throw new IllegalArgumentException("not a trail: " + marks);
        }
        write(last, times);
    }

    int position() {
        return position;
    }

    int farthest() {
        return farthest;
    }

    String shortened() {
        return shortened.toString();
    }

    private void move(char mark, int times) {
        if (mark != '.') {
            position += mark == '>' ? times : -times;
        }
        farthest = Math.max(farthest, position);
    }

    private void write(char mark, int times) {
        if (times > 0) {
            shortened.append(times == 1 ? "" : times).append(mark);
        }
    }
}
