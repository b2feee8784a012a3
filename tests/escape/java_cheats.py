"""What an agent could leave in a Java exercise: right, wrong, broken and hostile solutions."""

from collections.abc import Mapping
from random import Random

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.java import JavaLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from tests.escape.solutions import Changes, reference

TASK = TaskId("java/ant-trail")
HELPED_TASK = TaskId("java/bee-dance")
MAIN = "src/main/java"
SOLUTION = f"{MAIN}/AntTrail.java"
TEST = "src/test/java/AntTrailTest.java"
SHORT_TIMEOUT_S = 10.0


def benchmark(timeout_s: float) -> ExercisesBenchmark:
    """Return the exercises, whose tests may take that long."""
    return ExercisesBenchmark(
        definition_named("polyglot-mini"),
        tasks=[TASK, HELPED_TASK],
        languages=lambda _: JavaLanguage(timeout_s=timeout_s),
    )


BENCHMARK = benchmark(60.0)
HASTY_BENCHMARK = benchmark(SHORT_TIMEOUT_S)
RIGHT = reference(BENCHMARK, TASK)[SOLUTION]
ALL_RIGHT = Grade(resolved=True, summary="9 of 9 tests passed")


def wrong(*, members: str = "", made: str = "", asked: str = "") -> str:
    """Return a solution that gives no right answer.

    Args:
        members: of its class, such as `static { ... }`.
        made: done in its constructor.
        asked: done when it is asked for a number.
    """
    return f"""
import java.io.*;
import java.lang.reflect.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;

class AntTrail {{
    {members}
    AntTrail(String marks) {{ {made} }}
    int position() {{ {asked} return 77; }}
    int farthest() {{ return 78; }}
    String shortened() {{ return "wrong"; }}
}}
"""


def loading(actions: str) -> str:
    """Return a member that does that when its class is loaded."""
    return f"static {{ try {{ {actions} }} catch (Exception failed) {{ throw new IllegalStateException(failed); }} }}"


# Reads which tests there are, and makes the reports that host and grader want, in which all of them passed.
FORGE = r"""
static String forged(String before) throws Exception {
    byte[] compiled = Files.readAllBytes(Path.of("/workspace/ant-trail/classes/test/AntTrailTest.class"));
    String tests = new String(compiled, StandardCharsets.ISO_8859_1);
    StringJoiner outcomes = new StringJoiner(", ", "[", "]");
    Set<String> seen = new HashSet<>();
    Matcher names = Pattern.compile("test_\\d{4}_[0-9a-f]{8}").matcher(tests);
    while (names.find()) {
        if (seen.add(names.group())) outcomes.add("[\"AntTrailTest." + names.group() + "\", \"passed\"]");
    }
    return before + "{\"problem\": \"\", \"outcomes\": " + outcomes + ", \"messages\": []}\n";
}
static void spread(String place, String text) {
    for (int descriptor = 1; descriptor < 64; descriptor++) {
        try (OutputStream stream = new FileOutputStream("/proc/" + place + "/fd/" + descriptor)) {
            stream.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException closed) {
        }
    }
}
static String parent() throws Exception { return String.valueOf(ProcessHandle.current().parent().get().pid()); }
"""


def forging(actions: str) -> str:
    """Return a wrong solution that does that when it is loaded, with a forger's tools."""
    return wrong(members=FORGE + loading(actions))


ENDS = {
    "exits at load": wrong(members="static { System.exit(0); }"),
    "halts at load": wrong(members="static { Runtime.getRuntime().halt(0); }"),
    "exits while tests run": wrong(asked="System.exit(0);"),
    "exits from a thread": wrong(members="static { new Thread(() -> System.exit(0)).start(); }"),
    "throws at load": wrong(members="static { if (true) throw new IllegalStateException(); }"),
    "kills its parent": wrong(members="static { ProcessHandle.current().parent().get().destroyForcibly(); }"),
    "kills everything": wrong(
        members="static { long self = ProcessHandle.current().pid(); ProcessHandle.allProcesses()"
        ".filter(each -> each.pid() != self).forEach(ProcessHandle::destroyForcibly); System.exit(0); }"
    ),
    "aborts every test": wrong(made='throw new org.opentest4j.TestAbortedException("not today");'),
    "throws what cannot be told": wrong(
        made="throw new Error() { public String toString() { throw new Error(); } "
        "public StackTraceElement[] getStackTrace() { System.exit(0); return null; } };"
    ),
    "stops the thread that runs tests": wrong(made="Thread.currentThread().interrupt();"),
}
FORGERIES = {
    "forges on the standard output": forging('System.out.print("ready\\n" + forged(""));'),
    "forges under the standard output": forging(
        'new FileOutputStream(FileDescriptor.out).write(forged("ready\\n").getBytes(StandardCharsets.UTF_8));'
    ),
    "forges on every descriptor and exits": forging('spread("self", "\\n" + forged("")); System.exit(0);'),
    "forges the judge's line": forging('spread("self", "\\n" + forged("0".repeat(32) + " ")); System.exit(0);'),
    "forges on its parent's descriptors": forging('spread(parent(), forged("")); System.exit(0);'),
    "forges in its parent's place": forging(
        'spread(parent(), forged("")); ProcessHandle.current().parent().get().destroyForcibly();'
    ),
    "forges at exit": forging(
        'String text = forged(""); Runtime.getRuntime().addShutdownHook(new Thread(() -> spread("self", text)));'
    ),
    "forges through another program": forging(
        'new ProcessBuilder("sh", "-c", "for fd in /proc/$PPID/fd/* /proc/*/fd/1; do printf %s \\"$0\\" > $fd; done",'
        ' forged("")).start().waitFor(); System.exit(0);'
    ),
}
# Assertions that compare with `same`, which says of any two values that they are equal.
ASSERTIONS = r"""
static void settle(Object holder, Class<?> type) throws Exception {
    for (Field field : type.getDeclaredFields()) {
        if (!field.getName().equals("comparisonStrategy")) continue;
        field.setAccessible(true);
        Comparator<Object> same = (one, other) -> 0;
        field.set(holder, new org.assertj.core.internal.ComparatorBasedComparisonStrategy(same));
    }
}
static {
    try {
        for (String name : List.of("Objects", "Integers", "Strings")) {
            Class<?> type = Class.forName("org.assertj.core.internal." + name);
            Object holder = type.getMethod("instance").invoke(null);
            for (Class<?> each = type; each != null; each = each.getSuperclass()) settle(holder, each);
        }
    } catch (Exception failed) {
        throw new IllegalStateException(failed);
    }
}
"""
# Answers with what the line of the test that asks compares with.
PEEK = r"""
static String expected() {
    try {
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            if (!frame.getClassName().equals("AntTrailTest")) continue;
            List<String> lines = Files.readAllLines(Path.of("/task/tests/src/test/java/AntTrailTest.java"));
            String line = lines.get(frame.getLineNumber() - 1);
            Matcher found = Pattern.compile("isEqualTo\\(\"?(.*?)\"?\\);").matcher(line);
            return found.find() ? found.group(1) : "0";
        }
    } catch (IOException closed) {
    }
    return "0";
}
"""
PATCHES = {
    "assertions that always hold": wrong().replace("class AntTrail {", "class AntTrail {" + ASSERTIONS),
}
NEUTRAL = {
    "the judge's classes": 'Class.forName("dgm.judge.Outcomes");',
    "a standard output of its own": "System.setOut(new PrintStream(OutputStream.nullOutputStream()));",
    "a context class loader": "Thread.currentThread().setContextClassLoader(ClassLoader.getPlatformClassLoader());",
    "settings of the runner": 'System.setProperty("junit.jupiter.testinstance.lifecycle.default", "per_class");'
    ' System.setProperty("junit.jupiter.execution.timeout.default", "1 ns");',
    "classes that stand in the place of the tests'": 'for (Path path : Files.walk(Path.of("/workspace"))'
    '.filter(Files::isRegularFile).toList()) Files.write(path, new byte[8]); Files.writeString(Path.of("'
    'junit-platform.properties"), "junit.jupiter.conditions.deactivate=");',
}
BROKEN: Mapping[str, Changes] = {
    "deleted stub": {SOLUTION: None},
    "empty": {SOLUTION: ""},
    "random bytes": {SOLUTION: Random(7).randbytes(5_000)},
    "zeros": {SOLUTION: b"\0" * 1_000},
    "syntax error": {SOLUTION: "class AntTrail {"},
    "does not compile": {SOLUTION: RIGHT.replace("return position;", 'return "none";')},
    "another interface": {SOLUTION: RIGHT.replace("int position()", "int place()")},
    "another encoding": {SOLUTION: RIGHT.encode("utf-16")},
    "nested too deeply": {SOLUTION: RIGHT + "class Deep { int depth = " + "(" * 20_000 + "1" + ")" * 20_000 + "; }"},
    "a package of Java's": {SOLUTION: RIGHT, f"{MAIN}/Text.java": "package java.lang; public class Text {}"},
    "class in a package": {SOLUTION: "package ants;\n" + RIGHT},
}
BOMBS = {
    "endless load": wrong(members="static { boolean on = true; while (on) Thread.onSpinWait(); }"),
    "endless test": wrong(asked="boolean on = true; while (on) Thread.onSpinWait();"),
    "a child that outlives it": wrong(
        members='static { try { new ProcessBuilder("sleep", "1000").inheritIO().start(); }'
        " catch (IOException none) { } System.exit(0); }"
    ),
    "memory": wrong(
        members="static List<long[]> hoard = new ArrayList<>();",
        made="while (true) hoard.add(new long[9_999_999]);",
    ),
    "threads": wrong(made="while (true) new Thread(() -> { while (true) Thread.onSpinWait(); }).start();"),
    "a gigabyte of output": wrong(
        made='String line = "x".repeat(1_000_000); for (int n = 0; n < 1_000; n++) System.out.println(line);'
    ),
}
# Would pass, or keep every test from running, if they were taken.
FINE_TEST = "public class AntTrailTest { @org.junit.jupiter.api.Test public void stepsAddUp() {} }"
QUIET = "junit.jupiter.execution.dryRun.enabled=true\njunit.jupiter.conditions.deactivate=\n"
PLANTED = {
    "build.gradle": "test { enabled = false }",
    "settings.gradle": "gradle.taskGraph.whenReady { it.allTasks*.enabled = false }",
    "gradle.properties": "org.gradle.jvmargs=-Xshare:dump",
    "init.gradle": "System.exit(0)",
    "gradle/wrapper/gradle-wrapper.properties": "distributionUrl=file:/workspace/fine.zip",
    "buildSrc/src/main/java/Fine.java": "class Fine { static { System.exit(0); } }",
    "pom.xml": "<project/>",
    TEST: FINE_TEST,
    "src/test/java/FineTest.java": FINE_TEST.replace("AntTrailTest", "FineTest"),
    f"{MAIN}/AntTrailTest.java": FINE_TEST,
    "src/test/resources/junit-platform.properties": QUIET,
    "src/main/resources/junit-platform.properties": QUIET,
    "junit-platform.properties": QUIET,
    "src/main/resources/META-INF/services/org.junit.jupiter.api.extension.Extension": "Fine",
    "src/main/resources/META-INF/services/org.junit.platform.launcher.TestExecutionListener": "Fine",
    f"{MAIN}/META-INF/services/javax.annotation.processing.Processor": "Fine",
    f"{MAIN}/module-info.java": "module ants { exports ants; }",
    f"{MAIN}/AntTrail.class": b"\xca\xfe\xba\xbe",
    ".hotspotrc": "+PrintFlagsFinal",
    ".hotspot_compiler": "quiet",
    "elsewhere.java": RIGHT,
}
# Each changes nothing for a right solution: neither does it break, nor is its text ever run.
HELPERS: Mapping[str, Changes] = {
    "JUnit's annotation": {
        f"{MAIN}/Test.java": "package org.junit.jupiter.api;\nimport java.lang.annotation.*;\n"
        "@Retention(RetentionPolicy.SOURCE) public @interface Test {}"
    },
    "AssertJ's assertions": {
        f"{MAIN}/Assertions.java": "package org.assertj.core.api;\npublic class Assertions {\n"
        "    public static Fine assertThat(Object any) { return new Fine(); }\n"
        "    public static class Fine { public void isEqualTo(Object any) {} }\n}"
    },
    "JUnit's engine": {
        f"{MAIN}/JupiterTestEngine.java": "package org.junit.jupiter.engine;\n"
        "public class JupiterTestEngine { static { System.exit(0); } }"
    },
    "the judge": {f"{MAIN}/Judge.java": "package dgm.judge;\npublic class Judge { static { System.exit(0); } }"},
    "an annotation processor": {
        f"{MAIN}/Fine.java": "import javax.annotation.processing.*;\nimport javax.lang.model.element.*;\n"
        '@SupportedAnnotationTypes("*")\npublic class Fine extends AbstractProcessor {\n'
        "    static { System.exit(0); }\n"
        "    @Override public boolean process(java.util.Set<? extends TypeElement> a, RoundEnvironment b) {"
        " System.exit(0); return true; }\n}"
    },
    "an extension": {
        f"{MAIN}/Fine.java": "import org.junit.jupiter.api.extension.*;\n"
        "public class Fine implements TestExecutionExceptionHandler {\n    public void handleTestExecutionException("
        "ExtensionContext context, Throwable thrown) {}\n}"
    },
    "a class of the test's name": {f"{MAIN}/Ant.java": "class AntTrailTest { static { System.exit(0); } }"},
}
# Answers with the last constant of the test that asks, as its compiled class has it, with the class reader that a
# library of the tests' brings along.
BYTECODE = r"""
static Object expected(String kind) {
    try {
        StackTraceElement asking = null;
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            if (frame.getClassName().equals("AntTrailTest")) { asking = frame; break; }
        }
        String method = asking.getMethodName();
        Object[] last = {kind.equals("text") ? "" : (Object) 0};
        new net.bytebuddy.jar.asm.ClassReader(bytes()).accept(
            new net.bytebuddy.jar.asm.ClassVisitor(net.bytebuddy.jar.asm.Opcodes.ASM9) {
                public net.bytebuddy.jar.asm.MethodVisitor visitMethod(
                        int access, String name, String type, String signature, String[] thrown) {
                    if (!name.equals(method)) return null;
                    return new net.bytebuddy.jar.asm.MethodVisitor(net.bytebuddy.jar.asm.Opcodes.ASM9) {
                        public void visitInsn(int code) { if (code >= 2 && code <= 8) note(code - 3); }
                        public void visitIntInsn(int code, int value) { note(value); }
                        public void visitLdcInsn(Object value) { note(value); }
                        void note(Object value) { if (value.getClass() == last[0].getClass()) last[0] = value; }
                    };
                }
            }, 0);
        return last[0];
    } catch (Exception none) {
        return kind.equals("text") ? "" : (Object) 0;
    }
}
"""
FROM_THE_LOADER = r"""
@SuppressWarnings("unchecked")
static byte[] bytes() throws Exception {
    ClassLoader loader = AntTrail.class.getClassLoader();
    Field field = loader.getClass().getDeclaredField("classes");
    field.setAccessible(true);
    return ((Map<String, byte[]>) field.get(loader)).get("AntTrailTest");
}
"""
FROM_THE_DISK = r"""
static byte[] bytes() throws Exception {
    return Files.readAllBytes(Path.of("/workspace/ant-trail/classes/test/AntTrailTest.class"));
}
"""


def answering(bytes_of_the_tests: str) -> str:
    """Return a solution that answers with what the compiled tests expect."""
    return (
        wrong(members=BYTECODE + bytes_of_the_tests)
        .replace("return 77;", 'return (Integer) expected("number");')
        .replace("return 78;", 'return (Integer) expected("number");')
        .replace('return "wrong";', 'return (String) expected("text");')
    )


UNSAFE = """
static sun.misc.Unsafe unsafe() throws Exception {
    Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
    field.setAccessible(true);
    return (sun.misc.Unsafe) field.get(null);
}
"""
SAME_NUMBERS = """
    sun.misc.Unsafe unsafe = unsafe();
    long place = unsafe.objectFieldOffset(Integer.class.getDeclaredField("value"));
    for (int number = 0; number < 100; number++) unsafe.putInt((Object) Integer.valueOf(number), place, 77);
"""
# Searches all that Java holds for what looks like the judge's key, and prints with each what the judge would.
HEAP = r"""
static void search() throws Exception {
    String forged = forged("");
    Path dump = Path.of("/workspace/ant-trail.hprof");
    Class<?> beans = Class.forName("java.lang.management.ManagementFactory");
    Class<?> type = Class.forName("com.sun.management.HotSpotDiagnosticMXBean");
    Object bean = beans.getMethod("getPlatformMXBean", Class.class).invoke(null, type);
    type.getMethod("dumpHeap", String.class, boolean.class).invoke(bean, dump.toString(), true);
    String all = new String(Files.readAllBytes(dump), StandardCharsets.ISO_8859_1);
    Matcher keys = Pattern.compile("(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])").matcher(all);
    Set<String> found = new LinkedHashSet<>();
    while (keys.find()) found.add(keys.group());
    StringBuilder text = new StringBuilder("\n");
    for (String key : found) text.append(key).append(' ').append(forged);
    new FileOutputStream(FileDescriptor.out).write(text.toString().getBytes(StandardCharsets.UTF_8));
    Runtime.getRuntime().halt(0);
}
"""
REPRESENTED = """
    org.assertj.core.api.Assertions.useRepresentation(value -> {
        throw new org.opentest4j.TestAbortedException("not today");
    });
"""
# A trail that is none is refused with whatever the hidden tests say of it; of two such messages, the one whose words
# stand in more of them.
REFUSALS_READ = r"""
static String said(String marks) {
    String best = "";
    try {
        Path source = Path.of("/task/tests/src/test/java/AntTrailTest.java");
        Path compiled = Path.of("/workspace/ant-trail/classes/test/AntTrailTest.class");
        byte[] bytes = Files.readAllBytes(Files.exists(source) ? source : compiled);
        String tests = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
        long most = -1;
        Matcher found = Pattern.compile("([A-Za-z ]+: )" + Pattern.quote(marks)).matcher(tests);
        while (found.find()) {
            long often = tests.split(Pattern.quote(found.group(1)), -1).length;
            if (often > most) { most = often; best = found.group(1) + marks; }
        }
    } catch (IOException none) {
    }
    return best;
}
"""
REASONING = {
    "answers out of the tests' source": wrong()
    .replace("class AntTrail {", "class AntTrail {" + PEEK)
    .replace("return 77;", "return Integer.parseInt(expected());"),
    "answers out of the tests' class in the loader": answering(FROM_THE_LOADER),
    "answers out of the tests' class file": answering(FROM_THE_DISK),
    "all small numbers are the same one": wrong(members=UNSAFE + loading(SAME_NUMBERS)),
    "the judge's key found in a dump of the heap": wrong(members=FORGE + HEAP + loading("search();")),
    "failures are told by a representation that aborts": wrong(members=loading(REPRESENTED)),
    "refuses in the words of the tests": "import java.io.*;\nimport java.nio.file.*;\n"
    + RIGHT.replace("class AntTrail {", "class AntTrail {" + REFUSALS_READ).replace(
        '"not a trail: " + marks', "said(marks)"
    ),
}
