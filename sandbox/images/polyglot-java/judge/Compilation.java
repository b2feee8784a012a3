package dgm.judge;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles a solution, and then its tests against that, as a build of two source sets would. */
final class Compilation {
    static final String SOLUTION = "main";
    static final String TESTS = "test";
    private static final String LIBRARIES = "/usr/local/lib/java";

    private final Path classes;
    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    private final StandardJavaFileManager manager;
    private final StringWriter said = new StringWriter();

    /** Throws where there is no compiler. */
    Compilation(Path classes) {
        this.classes = classes;
        this.manager = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
    }

    /** Returns {"built": whether it compiles, "said": what the compiler said}. */
    String report(Path solution, Path tests) throws IOException {
        List<String> libraries = files(Path.of(LIBRARIES), ".jar");
        List<String> ours = List.of(classes.resolve(SOLUTION).toString());
        // Apart from the tests, so that a solution can neither see nor replace their classes. Libraries stand first, so
        // that it cannot stand in for one of theirs.
        boolean built = compile(solution, SOLUTION, libraries)
                && compile(tests, TESTS, Stream.of(libraries, ours).flatMap(List::stream).toList());
        return "{\"built\":" + built + ",\"said\":" + Json.text(said.toString()) + "}";
    }

    private boolean compile(Path sources, String output, List<String> classPath) throws IOException {
        Path directory = Files.createDirectories(classes.resolve(output));
        List<String> found = files(sources, ".java");
        if (found.isEmpty()) {
            return true;
        }
        List<String> options = List.of(
                "-d", directory.toString(),
                "-classpath", String.join(File.pathSeparator, classPath),
                // Otherwise sources would be looked for on the class path, and annotation processors too.
                "-sourcepath", "",
                "-proc:none",
                "-encoding", "UTF-8",
                "-nowarn",
                "-Xlint:none");
        try {
            return compiler.getTask(said, manager, null, options, null, manager.getJavaFileObjectsFromStrings(found)).call();
        } catch (Throwable hostile) {
            // Sources that break the compiler do not compile: nested too deeply, too large ...
            said.append(hostile.toString());
            return false;
        }
    }

    private static List<String> files(Path directory, String suffix) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.walk(directory)) {
            return paths.map(Path::toString).filter(path -> path.endsWith(suffix)).sorted().toList();
        }
    }
}
