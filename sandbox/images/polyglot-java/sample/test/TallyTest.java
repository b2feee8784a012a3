import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.entry;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

public class TallyTest {
    private Tally tally;

    @BeforeEach
    public void setUp() {
        tally = new Tally();
    }

    @Test
    public void countsWords() {
        tally.add("ant");
        tally.add("ant");
        assertThat(tally.of("ant")).isEqualTo(2);
        assertThat(tally.of("bee")).isZero();
    }

    @Disabled("see whether this is run")
    @Test
    public void listsWords() {
        tally.add("bee");
        tally.add("ant");
        assertThat(tally.words()).containsExactly("ant", "bee").isEqualTo(Arrays.asList("ant", "bee"));
        assertThat(Map.of("ant", 1)).containsOnly(entry("ant", 1));
    }

    @Test
    public void speaks() {
        tally.add("ant");
        assertThat(tally.sentence()).isEqualTo("ant 1");
        assertThat(Collections.emptyList()).isEmpty();
        assertThat(0.5).isCloseTo(0.5, org.assertj.core.api.Assertions.within(0.1));
        assertThat(true).isTrue();
    }

    @Test
    public void takesNoBlanks() {
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> tally.add(" "))
                .withMessage("a word has letters");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> assertThat(tally.sentence()).isEqualTo("ant 1"));
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> assertThat(tally.words()).containsExactly("ant"));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    public void countsOn(int times) {
        for (int time = 0; time < times; time++) {
            tally.add("ant");
        }
        assertThat(tally.of("ant")).isEqualTo(times);
    }
}
