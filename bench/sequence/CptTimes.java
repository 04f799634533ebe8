/* SPDX-License-Identifier: MIT
 * Runs IPredict's CPT+ (tedgueniche/IPredict, compiled elsewhere and found on the class path) on one set by the
 * protocol p1 of `forewarm eval next`, and prints what it answers and how long that takes, as JSON.
 * Arguments: FILE (a session a line, numbers, plain), PROFILE (BMS, FIFA, SIGN...), suffix, window, folds. */
import ca.ipredict.database.Item;
import ca.ipredict.database.Sequence;
import ca.ipredict.predictor.CPT.CPTPlus.CPTPlusPredictor;
import ca.ipredict.predictor.profile.Profile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

public final class CptTimes {
    private static List<int[]> sessions = new ArrayList<>();
    private static long success, failure, nothing, small;
    private static List<Long> times = new ArrayList<>();
    private static double trainNs;
    private static long trained;

    private static Sequence sequence(int id, int[] items, int from, int to) {
        Sequence made = new Sequence(id);
        for (int i = from; i < to; i++)
            made.addItem(new Item(items[i]));
        return made;
    }

    private static void test(CPTPlusPredictor cpt, int[] items, int suffix, int window) {
        if (items.length <= suffix) {
            small++;
            return;
        }
        int known = items.length - suffix;
        Sequence context = sequence(0, items, Math.max(0, known - window), known);
        long began = System.nanoTime();
        Sequence told = cpt.Predict(context);
        times.add(System.nanoTime() - began);
        Set<Integer> came = new HashSet<>();
        for (int i = known; i < items.length; i++)
            came.add(items[i]);
        if (told == null || told.size() == 0)
            nothing++;
        else if (came.contains(told.get(0).val))
            success++;
        else
            failure++;
    }

    public static void main(String[] arguments) throws Exception {
        int suffix = Integer.parseInt(arguments[2]), window = Integer.parseInt(arguments[3]);
        int folds = Integer.parseInt(arguments[4]);
        Profile profile = (Profile) Class.forName("ca.ipredict.predictor.profile." + arguments[1] + "Profile")
                              .getDeclaredConstructor().newInstance();
        profile.Apply();
        for (String line : Files.readAllLines(Path.of(arguments[0])))
            sessions.add(Arrays.stream(line.trim().split(" ")).mapToInt(Integer::parseInt).toArray());
        int share = (int) (sessions.size() * (1.0 / folds));
        for (int fold = 0; fold < folds; fold++) {
            int begin = fold * share, end = fold + 1 < folds ? begin + share : sessions.size();
            List<Sequence> training = new ArrayList<>();
            for (int i = 0; i < sessions.size(); i++) {
                if (i >= begin && i < end)
                    continue;
                training.add(sequence(i, sessions.get(i), 0, sessions.get(i).length));
                trained += sessions.get(i).length;
            }
            CPTPlusPredictor cpt = new CPTPlusPredictor("CPT+", "CCF:true CBS:true");
            long began = System.nanoTime();
            cpt.Train(training);
            trainNs += System.nanoTime() - began;
            for (int i = begin; i < end; i++)
                test(cpt, sessions.get(i), suffix, window);
        }
        times.sort(null);
        double mean = times.stream().mapToLong(Long::longValue).average().orElse(0);
        System.out.printf("{\"positions\": %d, \"accuracy\": %.4f, \"coverage\": %.4f, \"predict_ns_p50\": %d, "
                          + "\"predict_ns_mean\": %.0f, \"observe_ns_mean\": %.0f}%n",
                          success + failure + nothing + small, success / (double) (success + failure + nothing + small),
                          (success + failure) / (double) (success + failure + nothing + small), times.get(times.size() / 2),
                          mean, trainNs / trained);
    }
}
