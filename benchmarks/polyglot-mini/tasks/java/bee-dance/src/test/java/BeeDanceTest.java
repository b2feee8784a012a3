import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

public class BeeDanceTest {
    private BeeDance dance;

    @BeforeEach
    public void setUp() {
        dance = new BeeDance("40/2 44/4");
    }

    @Test
    public void longRunsMeanFarFlowers() {
        assertThat(dance.metres()).isEqualTo(2250);
    }

    @Disabled
    @Test
    public void fractionsOfAMetreAreLeftOut() {
        assertThat(new BeeDance("0/1 0/1 0/5").metres()).isEqualTo(1750);
        assertThat(new BeeDance("5/1 5/1 5/1 5/2 5/2 5/2 5/1").metres()).isEqualTo(1071);
    }

    @Disabled
    @ParameterizedTest
    @CsvSource({"0, NE", "90, SE", "320, N", "295, NW", "296, N", "340, N", "341, NE", "200, SW"})
    public void flowersAreSoFarFromTheSun(int sun, String heading) {
        assertThat(dance.heading(sun)).isEqualTo(heading);
    }

    @Disabled
    @Test
    public void theSunMayBeRightOfTheFlowers() {
        assertThat(new BeeDance("-60/1 -62/1").heading(10)).isEqualTo("NW");
    }

    @Disabled
    @Test
    public void oneRunIsUnclear() {
        assertThatExceptionOfType(UnclearDanceException.class)
                .isThrownBy(() -> new BeeDance("17/3"))
                .withMessage("one run is not enough");
    }

    @Disabled
    @Test
    public void runsThatDifferAreUnclear() {
        assertThat(new BeeDance("-10/1 10/1").metres()).isEqualTo(750);
        assertThatExceptionOfType(UnclearDanceException.class)
                .isThrownBy(() -> new BeeDance("-10/1 0/1 11/1"))
                .withMessage("the runs differ too much");
    }
}
