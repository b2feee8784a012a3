package dgm.judge;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.engine.JupiterTestEngine;
import org.junit.platform.engine.discovery.ClassSelector;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs every test of the compiled test classes, with a JUnit that nothing outside of this file configures. */
final class TestRun {
    private static final Map<String, String> SETTINGS = Map.of(
            // Exercises disable all tests but the first, for people to go on one by one.
            "junit.jupiter.conditions.deactivate", "org.junit.jupiter.engine.extension.DisabledCondition",
            "junit.jupiter.extensions.autodetection.enabled", "false",
            "junit.jupiter.testclass.order.default", "org.junit.jupiter.api.ClassOrderer$ClassName",
            "junit.jupiter.testmethod.order.default", "org.junit.jupiter.api.MethodOrderer$MethodName");

    private final Launcher launcher = LauncherFactory.create(LauncherConfig.builder()
            .enableTestEngineAutoRegistration(false)
            .enableTestExecutionListenerAutoRegistration(false)
            .enableLauncherDiscoveryListenerAutoRegistration(false)
            .enableLauncherSessionListenerAutoRegistration(false)
            .enablePostDiscoveryFilterAutoRegistration(false)
            .addTestEngines(new JupiterTestEngine())
            .build());

    /** Returns what `Outcomes.report` does. */
    String report(Path classes) throws IOException {
        SolutionLoader loader = new SolutionLoader(classes);
        Thread.currentThread().setContextClassLoader(loader);
        Outcomes outcomes = new Outcomes();
        launcher.execute(request(loader.testClasses()), outcomes);
        return outcomes.report();
    }

    private static LauncherDiscoveryRequest request(List<Class<?>> tests) {
        List<ClassSelector> selectors = tests.stream().map(test -> selectClass(test)).toList();
        return LauncherDiscoveryRequestBuilder.request()
                // Neither system properties nor a junit-platform.properties.
                .enableImplicitConfigurationParameters(false)
                .configurationParameters(SETTINGS)
                .selectors(selectors)
                .build();
    }
}
