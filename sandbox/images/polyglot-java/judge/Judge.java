package dgm.judge;

import java.io.DataInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Compiles a Java solution with its tests, or runs what was compiled.
 *
 *     java -jar judge.jar compile CLASSES MAIN_SOURCES TEST_SOURCES
 *     java -jar judge.jar run CLASSES
 *
 * Standard input holds a key on one line. Prints "ready" once everything that it needs is there and nothing of the
 * solution was looked at, and as the last line the key, a space and a JSON document. What stands between and after them
 * is the solution's, which shares this process when it runs.
 */
public final class Judge {
    private static final int KEY_CHARACTERS = 32;

    private Judge() {
    }

    public static void main(String[] arguments) throws Exception {
        // In no field and no buffer, and in neither arguments nor environment: a solution should not come by it easily.
        String key = readKey();
        Path classes = Path.of(arguments[1]);
        String report = switch (arguments[0]) {
            case "compile" -> {
                Compilation compilation = new Compilation(classes);
                say("ready\n");
                yield compilation.report(Path.of(arguments[2]), Path.of(arguments[3]));
            }
            case "run" -> {
                TestRun run = new TestRun();
                say("ready\n");
                yield run.report(classes);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        };
        // A solution may have left half a line.
        say("\n" + key + " " + report + "\n");
        // At once: neither threads nor shutdown hooks of the solution get to add anything.
        Runtime.getRuntime().halt(0);
    }

    private static String readKey() throws IOException {
        byte[] key = new byte[KEY_CHARACTERS];
        new DataInputStream(new FileInputStream(FileDescriptor.in)).readFully(key);
        return new String(key, StandardCharsets.US_ASCII);
    }

    /** Not System.out, which a solution may have replaced. */
    private static void say(String text) throws IOException {
        new FileOutputStream(FileDescriptor.out).write(text.getBytes(StandardCharsets.UTF_8));
    }
}
