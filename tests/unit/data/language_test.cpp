// The language of a text, for the languages that IFEval asks for.
#include "data/language.h"

#include <gtest/gtest.h>

#include "data/letters.h"

namespace r1::data {

TEST(Language, EachOfTheBenchmarksLanguagesIsFound) {
  for (const auto& [language, text] :
       {std::pair{"en", "The weather is fine today, and we are going out with our friends."},
        {"es", "El tiempo es bueno hoy y vamos a salir con los amigos por la tarde."},
        {"pt", "O tempo está bom hoje e nós não vamos ficar em casa com as crianças."},
        {"fr", "Il fait beau aujourd'hui et nous sommes dans la rue avec les enfants."},
        {"de", "Das Wetter ist heute schön, und wir gehen mit den Kindern aus dem Haus."},
        {"it", "Il tempo è bello e non siamo in casa, perché i bambini sono con gli amici."},
        {"pl", "Pogoda jest dzisiaj ładna, więc nie siedzimy w domu, tylko idziemy do parku."},
        {"vi", "Hôm nay trời đẹp và chúng tôi không ở nhà với các bạn của mình."},
        {"sw", "Hali ya hewa ni nzuri leo na watoto wako nje kwa sababu ya jua."},
        {"fi", "Sää on tänään hyvä ja lapset ovat ulkona, mutta minä en ole siellä."},
        {"ru", "Сегодня хорошая погода, и мы гуляем с детьми, но это не так просто."},
        {"uk", "Сьогодні гарна погода, і ми гуляємо з дітьми, але це не так просто."},
        {"bg", "Времето днес е хубаво и ние се разхождаме с децата, за да видим града."},
        {"ar", "الطقس جميل اليوم ونحن نخرج مع الأصدقاء إلى الحديقة في المدينة."},
        {"fa", "هوا امروز خوب است و این شهر را با ما می بینند."},
        {"ur", "آج موسم اچھا ہے اور ہم اپنے دوستوں کے ساتھ شہر میں ہیں۔"},
        {"hi", "आज मौसम अच्छा है और हम शहर में दोस्तों के साथ हैं।"},
        {"mr", "आज हवामान चांगले आहे आणि आम्ही शहरामध्ये मित्रांसोबत आहोत, पण ते नाही."},
        {"ne", "आज मौसम राम्रो छ र हामी साथीहरूसँग शहरमा छौं, तर यो काम पनि गर्न सजिलो छ।"},
        {"bn", "আজ আবহাওয়া ভালো।"},
        {"pa", "ਅੱਜ ਮੌਸਮ ਚੰਗਾ ਹੈ।"},
        {"gu", "આજે હવામાન સારું છે."},
        {"ta", "இன்று வானிலை நன்றாக உள்ளது."},
        {"te", "ఈ రోజు వాతావరణం బాగుంది."},
        {"kn", "ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ."},
        {"ml", "ഇന്ന് കാലാവസ്ഥ നല്ലതാണ്."},
        {"th", "วันนี้อากาศดี"},
        {"ko", "오늘은 날씨가 좋습니다."},
        {"ja", "今日は天気がいいです。"},
        {"zh", "今天天气很好。"},
        {"he", "מזג האוויר טוב היום."},
        {"el", "Ο καιρός είναι καλός."}})
    EXPECT_EQ(identify_language(text), language) << text;
}

TEST(Language, LettersDecideAndOthersDoNot) {
  EXPECT_EQ(identify_language(""), "");
  EXPECT_EQ(identify_language("12 + 3 = 15 !?"), "");
  EXPECT_EQ(identify_language("THE END OF IT"), "en");
  EXPECT_EQ(identify_language("Zzz"), "en");
}

TEST(Letters, CasesAndWords) {
  EXPECT_EQ(letter_case('A'), LetterCase::Upper);
  EXPECT_EQ(letter_case(0x00E9), LetterCase::Lower);  // é
  EXPECT_EQ(letter_case(0xAC00), LetterCase::None);   // 가
  EXPECT_TRUE(is_word_character('_') && is_word_character('7') && is_word_character(0x0431));
  EXPECT_FALSE(is_word_character('-') || is_word_character(-1));
  EXPECT_EQ(lower("ÄB С\xFF"), "äb с\xFF");
}

}  // namespace r1::data
