package dgm.judge;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/** Notes what each test did. */
final class Outcomes implements TestExecutionListener {
    private static final int MAX_MESSAGES = 20;
    private static final int MAX_MESSAGE_CHARACTERS = 4_000;
    private static final int MAX_FRAMES = 8;

    private final List<String> outcomes = new ArrayList<>();
    private final List<String> messages = new ArrayList<>();
    private final Map<String, Integer> times = new HashMap<>();

    /** Returns {"outcomes": [[name, "passed" or "failed" or "skipped"], ...], "messages": [[name, text], ...]}. */
    String report() {
        return "{\"outcomes\":" + Json.list(outcomes) + ",\"messages\":" + Json.list(messages) + "}";
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        if (test.isTest()) {
            note(unique(name(test)), "skipped");
        }
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        String name = test.isTest() ? unique(name(test)) : name(test);
        if (test.isTest()) {
            note(name, switch (result.getStatus()) {
                case SUCCESSFUL -> "passed";
                case FAILED -> "failed";
                case ABORTED -> "skipped";
            });
        }
        // A container's too: where the set-up of a class fails, none of its tests is run.
        if (messages.size() < MAX_MESSAGES && result.getThrowable().isPresent()) {
            messages.add(Json.pair(name, told(result.getThrowable().get())));
        }
    }

    private void note(String name, String outcome) {
        outcomes.add(Json.pair(name, outcome));
    }

    /** Returns the name, numbered from its second time on. */
    private String unique(String name) {
        int number = times.merge(name, 1, Integer::sum);
        return number == 1 ? name : name + " #" + number;
    }

    /** Returns names such as "AntTest.walks", "AntTest.walks[2]" and "AntTest.Inner.walks"; never display names. */
    private static String name(TestIdentifier test) {
        StringBuilder name = new StringBuilder();
        for (UniqueId.Segment segment : test.getUniqueIdObject().getSegments()) {
            String value = segment.getValue();
            if (segment.getType().equals("engine")) {
                continue;
            }
            if (value.startsWith("#")) {
                name.append('[').append(value, 1, value.length()).append(']');
                continue;
            }
            int parameters = value.indexOf('(');
            name.append(name.isEmpty() ? "" : ".").append(parameters < 0 ? value : value.substring(0, parameters));
        }
        return name.toString();
    }

    /** Returns what was thrown and where in the exercise. It may be the solution's own class, which may do anything. */
    private static String told(Throwable thrown) {
        try {
            StringBuilder text = new StringBuilder(clipped(String.valueOf(thrown)));
            int frames = 0;
            for (StackTraceElement frame : thrown.getStackTrace()) {
                if (SolutionLoader.NAME.equals(frame.getClassLoaderName()) && frames++ < MAX_FRAMES) {
                    text.append("\n    at ").append(frame.getMethodName())
                            .append(" (").append(frame.getFileName()).append(':').append(frame.getLineNumber()).append(')');
                }
            }
            return clipped(text.toString());
        } catch (Throwable hostile) {
            return "it threw what cannot be told";
        }
    }

    private static String clipped(String text) {
        return text.length() <= MAX_MESSAGE_CHARACTERS ? text : text.substring(0, MAX_MESSAGE_CHARACTERS);
    }
}
