#!/usr/bin/env python3
"""No rank's share of messages grows with the world: a run of 16 ranks against one of 4 with equal work per rank.

scale_test.py PROGRAM [unittest arguments]
"""
import scale_support
import run_support as support

# Relative. Texts differ a little in length from run to run; the busiest of more ranks is a little busier.
BYTES_TOLERANCE = 0.1


class Scale(support.RunTest):
    def measure(self, world, **settings):
        folder = self.folder / str(world)
        self.assert_ends(0, scale_support.command(world, folder, settings), OMP_NUM_THREADS="1")
        return scale_support.traffic(folder)

    def test_messages_of_a_rank(self):
        small, large = self.measure(4), self.measure(16)
        self.assertGreater(small["messages_per_step"], 0)
        self.assertGreater(small["bytes_per_step"], 0)
        for name in ("messages_per_step", "messages_per_step_max"):
            self.assertLessEqual(large[name], small[name], f"{name}: 4 ranks {small}, 16 ranks {large}")
        for name in ("bytes_per_step", "bytes_per_step_max"):
            self.assertLessEqual(large[name], small[name] * (1 + BYTES_TOLERANCE),
                                 f"{name}: 4 ranks {small}, 16 ranks {large}")


if __name__ == "__main__":
    support.main()
