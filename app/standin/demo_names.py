"""Names for the contacts of `--demo`: first names and last names usual in 30 countries."""

_TEXTS = {
    "AE": "Fatima Mohammed Aisha Omar / Al-Mansoori Al-Hashimi Khalifa",
    "AR": "Sofía Mateo Valentina Benjamín / González Fernández Romero",
    "AU": "Charlotte Oliver Isla Jack / Smith Nguyen Wilson",
    "BD": "Nusrat Rahim Sumaiya Tanvir / Ahmed Hossain Chowdhury",
    "BR": "Ana João Beatriz Pedro / Silva Souza Oliveira",
    "CA": "Emma Liam Zoé Noah / Tremblay Brown Singh",
    "CL": "Isidora Vicente Florencia Tomás / Muñoz Rojas Soto",
    "CO": "Mariana Santiago Luciana Andrés / Rodríguez Gómez Torres",
    "DE": "Jürgen Anna Lukas Käthe / Müller Schäfer Weiß",
    "EG": "Mariam Ahmed Nour Youssef / Hassan Ibrahim Mahmoud",
    "ES": "Lucía Hugo Carmen Íñigo / García Núñez Martín",
    "FR": "Chloé Louis Léa François / Martin Lefèvre Durand",
    "GB": "Amelia George Siân Oliver / Jones O'Brien Taylor",
    "ID": "Siti Budi Dewi Agus / Santoso Wijaya Lestari",
    "IN": "Priya Arjun Ananya Rahul / Sharma Patel Iyer",
    "IT": "Giulia Leonardo Chiara Niccolò / Rossi Bianchi D'Angelo",
    "JP": "さくら 陽翔 結衣 蓮 / 佐藤 鈴木 高橋",
    "KE": "Wanjiku Otieno Achieng Kamau / Mwangi Njoroge Odhiambo",
    "MX": "Ximena Diego Regina Emiliano / Hernández López Ramírez",
    "MY": "Nurul Ahmad Mei Wei / Abdullah Tan Lim",
    "NG": "Chidinma Emeka Folake Ibrahim / Okafor Adeyemi Bello",
    "NL": "Sanne Daan Lotte Sem / de Jong van Dijk Bakker",
    "PH": "Maria Jose Angelica Mark / Santos Reyes Cruz",
    "PK": "Ayesha Ali Hira Bilal / Khan Malik Qureshi",
    "PL": "Zuzanna Łukasz Małgorzata Jan / Nowak Kowalska Wójcik",
    "PT": "Inês João Leonor Duarte / Ferreira Pereira Gonçalves",
    "SA": "نورة محمد سارة عبدالله / العتيبي القحطاني الغامدي",
    "TR": "Zeynep Yusuf Elif Ömer / Yılmaz Kaya Öztürk",
    "US": "Olivia James Ava Mateo / Johnson Garcia Miller",
    "ZA": "Thandi Sipho Lerato Pieter / Nkosi Dlamini Botha",
}

NAMES = {
    region: tuple(names.split() for names in text.split(" / ")) for region, text in _TEXTS.items()
}
