package dgm.judge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Holds the classes of tests and solution.
 *
 * Its parent, which is asked first, has the libraries: a solution can neither replace a class of theirs nor see what is
 * private to one of their packages. It finds no resources, so that none of the solution's configures a library. All
 * classes are read before the first runs: files that a solution writes later have no effect.
 */
final class SolutionLoader extends ClassLoader {
    static final String NAME = "solution";
    private static final String SUFFIX = ".class";

    private final Map<String, byte[]> classes = new HashMap<>();
    private final List<String> tests;

    SolutionLoader(Path directory) throws IOException {
        super(NAME, SolutionLoader.class.getClassLoader());
        read(directory.resolve(Compilation.SOLUTION));
        // Second, so that a test's class stays where the solution has one of the same name.
        tests = read(directory.resolve(Compilation.TESTS));
    }

    /** Returns the outermost classes of the tests, loaded but not initialised. */
    List<Class<?>> testClasses() {
        List<Class<?>> found = new ArrayList<>();
        for (String name : tests) {
            if (!name.contains("$")) {
                try {
                    found.add(loadClass(name));
                } catch (ClassNotFoundException impossible) {
                    throw new IllegalStateException(impossible);
                }
            }
        }
        return found;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        byte[] bytes = classes.get(name);
        if (bytes == null) {
            throw new ClassNotFoundException(name);
        }
        return defineClass(name, bytes, 0, bytes.length);
    }

    private List<String> read(Path directory) throws IOException {
        List<String> names = new ArrayList<>();
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.filter(each -> each.toString().endsWith(SUFFIX)).sorted().toList()) {
                String file = directory.relativize(path).toString();
                String name = file.substring(0, file.length() - SUFFIX.length()).replace('/', '.');
                classes.put(name, Files.readAllBytes(path));
                names.add(name);
            }
        }
        return names;
    }
}
