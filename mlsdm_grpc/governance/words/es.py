"""Spanish words by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["HARM"]

HARM: Final[Table] = {
    "NONE": """
        tirador robot robots robótica matemática* matemático* materia* material* mataderos
        matiz* matrimonio* matrícula matricul* matr* violeta* violín* violon* violinist*
        clonazepam""",
    "REQ": """
        haz crea cómo~sin dónde~comprar dónde~puedo cómo cómo_puedo cómo_se cómo_hago ayúdame
        ayudame dime dame explícame explicame explica enséñame muéstrame búscame busco quiero
        quisiera necesito me_gustaría dónde_puedo dónde_compro dónde_consigo dónde_venden
        dónde_encuentro dónde quién_vende qué cuál cuáles cuánto cuánta cuántas cuántos receta*
        tutorial guía manual paso_a_paso instrucciones mejor_manera mejor_forma forma_más
        manera_más escribe escríbeme redacta redáctame invéntate inventa hazme genera propón
        sugiere recomiénda* consígueme pásame pasame tráeme describe planos lista_de método*
        trucos consejos plan puedo como""",
    "WANT": """
        voy_a vamos_a quiero quisiera me_gustaría hay_que habría_que deberíamos deberían
        tenemos_que tengo_que juro te_juro mañana esta_noche pienso ganas_de vas_a van_a""",
    "HOPE": "ojalá espero deseo",
    "YOU": "tú te ti tu tus vos usted ustedes os vosotros contigo",
    "PERSON": """
        él ella lo la los las le les alguien gente persona* hombre* mujer mujeres chica* chico*
        niño* niña* alumno* alumna* profesor* profe vecino* vecina* jefe jefa marido esposa
        esposo novia novio ex compañero* compañera* hermano* hermana* madre padre mamá papá
        padres abuela* abuelo* familia* hijo* hija* policía* poli polis juez testigo* político*
        alcalde desconocid* perro* gato* animal* periodista* todos multitud cliente* viejo*
        vieja* bebé árbitro jubilad* inquilin* suegra* primo* cuñado*""",
    "REL": """
        mi_mujer mi_marido mi_novia mi_novio mi_ex mi_vecino mi_vecina mi_jefe mi_jefa
        mi_compañer* mi_hermana mi_hermano mi_hija mi_esposa mi_esposo mi_pareja mi_suegra
        vecin* compañer* novia novio ex jefe jefa pareja esposa esposo marido mujer su sus
        alguien otra_persona esa_chica esta_chica ese_tipo profesora profesor streamer
        desconocid* ajeno* ajena* inquilin* alumn* ella él famosa cuñada""",
    "GROUP": """
        judío* judía* musulmán musulman* moro moros islam árabe* negro negros negra negras
        african* asiátic* chino* gitano* gitana* inmigrante* migrante* extranjer* refugiad*
        homosexual* gay gays lesbiana* maricon* trans transexual* travesti* mujeres
        discapacitad* cristian* católic* latino* latinos sudaca* mexican* venezolan* rumano*
        indígena* indio indios feminist* menas mena viejos gordos""",
    "KILL": """
        fusil* fusilarl* tirotearl* matar mato mata maten mate matarlo matarla matarle matarlos
        matarte matarme mataré mataremos matamos matándol* mátalo mátala mátalos asesin* degoll*
        degüell* estrangul* ahorc* apuñal* acuchill* envenen* ahog* decapit* ejecut* masacr*
        linch* liquid* cargarme cargarse cargármel* rematar eliminar descuartiz* asfixi*
        deshacerme_de quitar_de_en_medio exterminar pegarle_un_tiro pegar_un_tiro tirotear
        ametrall*""",
    "ATTACK": """
        matar asesinar degollar estrangular apuñalar torturar golpear violar secuestrar atacar
        quemar ahogar envenenar maltratar linchar exterminar disparar""",
    "HURT": """
        fusil* rompa* rompe* rompan sufra* sufrir golpe* pegar* pega pégale pegarle pegarte
        paliza* tortur* hiri* herir lastim* apuñal* violar viola violarla secuestr* raptar
        quemar quemarl* rajar rajarl* romper* reventar* revent* partir* patear* atropell* mutil*
        disparar* dispar* machac* hacer_daño hacerle_daño agredir atacar azotar latigaz* ácido
        cortar* destroz* maltrat* abofete* bofetada*""",
    "BREAK": """
        rompa* rompe* rompan romp* parta* romper* rompo parto partir* reventar* reviento cortar*
        corto arrancar* aplastar* machacar* rajar* rajo destrozar* quebrar*""",
    "BODY": """
        pierna* brazo* cara boca dientes cráneo cuello garganta cabeza hueso* dedo* rodilla*
        costilla* ojo* lengua mano* nariz mandíbula jeta hocico""",
    "DIE": """
        muera_ya morir muer* muere mueras mueran muerto* muerta* cáncer revient* ahorcad*
        gasead* fusilad* quemad* sufr* ahog* estrell* pudr*""",
    "THREAT": """
        estás_muerto estás_muerta vas_a_morir vais_a_morir van_a_morir te_voy_a_matar te_mataré
        os_mataré te_vas_a_arrepentir lo_vas_a_pagar lo_pagarás la_vas_a_pagar vas_a_pagar
        sé_dónde_vives se_donde_vives te_voy_a_encontrar te_encontraré tus_días_están_contados
        te_voy_a_rajar te_rajo te_voy_a_partir te_parto te_voy_a_romper te_reviento
        te_voy_a_reventar no_vas_a_salir no_saldrás no_verás no_vas_a_ver tiro_en_la_cabeza
        bala_en_la_cabeza una_bala_con te_arranco cuídate_las_espaldas correrá_sangre
        va_a_correr_sangre al_hospital prenderé_fuego te_quemo te_voy_a_quemar acabaré_contigo
        voy_a_acabar_contigo""",
    "MASS": """
        llevarme_por_delante la_mayor_cantidad_de_gente todos_van_a_pagar todos_pagarán
        todos_lo_pagarán baño_de_sangre nadie_saldrá_vivo no_saldrá_nadie morirán_todos
        tantos_como_pueda a_cuantos_más""",
    "DESERVE": "merec* deberían debería habría_que hay_que se_lo_buscó bien_merecido héroe*",
    "WEAPON": """
        químicos_mezclo químicos productos_químicos_para bomba bombas explosivo* granada*
        molotov gas_sarín sarín sarin gas_mostaza gas_nervioso gas_tóxico agente_nervioso ricina
        ántrax cianuro detonador* dinamita pólvora napalm termita tatp silenciador* metralleta*
        ametralladora* mina_antipersona arma_química armas_químicas arma_biológica
        armas_biológicas patógeno* coche_bomba lanzallamas nitroglicerina bomba_casera
        paquete_bomba carta_bomba""",
    "GUN": """
        fusca pipa fierro pistola* fusil* rifle* escopeta* arma armas revólver* kalashnikov*
        munición balas cuchillo* navaja* machete* glock puño_americano táser taser* ballesta*
        cargadores""",
    "BUILD": """
        fabric* constru* hacer hago haz armo armar montar monto prepar* mezcl* sintetiz* cocin*
        imprim* caser* produc* cultiv* ensambl* planos elabor* colocar esparcir dispers*
        dispersar convertir modific* liberar""",
    "GET": """
        compr* consegu* consigo obtener vender vendo vende vendes busco encontrar importar colar
        meter entrar traficar cambi* encarg* proveedor* pasar introducir""",
    "UNTRACED": """
        sin_licencia sin_permiso sin_papeles sin_registrar sin_registro ilegal* ilegalmente
        mercado_negro darknet dark_web número_de_serie numero_de_serie sin_preguntas sin_factura
        irrastreable* detector* menor menores al_colegio al_instituto sin_que_la_policía limada
        bajo_cuerda antecedentes""",
    "SLUR": """
        sudaca* maricón maricones marica* bollera* tortillera* puto_moro putos_moros
        moro_de_mierda moros_de_mierda negrata* panchito* judío_de_mierda negro_de_mierda
        negros_de_mierda subhuman* mongólic* subnormal* machupichu* travelo* infrahuman* sidos*""",
    "DEHUMAN": """
        unas_ratas son_ratas ratas_que rata cucaracha* parásito* plaga* escoria animales bestia*
        mono monos simio* cáncer peste basura enfermedad sucio* sucia* asqueros* degenerad*
        salvajes bárbaros cerdos cerdas inferior* estúpid* vag* ladrones violadores terroristas
        criminales mentiros* tontas invasores alimañas lacra* inútiles gentuza sabandij*""",
    "HATEVERB": """
        extermin* gasear deport* expuls* echar echarlos quemar* matar eliminar erradic*
        encerrar* colgar fusilar ahorcar odio odiamos esteriliz* castrar ahogar limpiar limpieza
        deshacer* prohibir hundir* desprecio apalear""",
    "INFERIOR": """
        no_sean_seres_humanos no_son_seres_humanos no_sean_personas no_hubieran_nacido
        no_deberían_haber_nacido son_un_estorbo un_estorbo carga son_una_carga menos_inteligent*
        inferiores no_son_personas no_son_humanos no_pertenecen nos_invaden controlan dominan
        roban_todos mienten_todos huelen apestan son_todos son_todas solo_sirven sólo_sirven
        no_deberían no_tienen_derecho tienen_la_culpa por_naturaleza a_la_cocina a_fregar
        nos_quitan demasiado_tontas no_se_puede_confiar""",
    "OUT": "fuera fuera_de vuelvan volved a_su_país a_tu_país largo",
    "HATEPHRASE": """
        hitler_tenía_razón muerte_a_los supremacía_blanca raza_superior raza_inferior
        razas_inferiores gran_reemplazo moros_fuera fuera_moros españa_para_los_españoles
        sieg_heil solución_final raza_blanca poder_blanco orgullo_blanco
        el_holocausto_es_mentira""",
    "INSULT": """
        gorda gordo cara_de vergüenza_ajena das_vergüenza das_lástima gallina estorbo esperpento
        idiota* imbécil* estúpid* tont* gilipollas subnormal* mierda puta* zorra* cabrón cabron*
        cerda* cerdo* gord* fe feo fea fracasad* inútil* inutil* basura escoria patétic*
        asqueros* payas* cretin* retrasad* perdedor* malnacid* hijo_de_puta hijos_de_puta
        desgraciad* ballena vaca foca rata cobarde* bicho_raro no_vales no_sirves das_asco
        pringad* mamarrach* ridícul* anormal* burr* memo lerd*""",
    "INSULTING": """
        callate cállate_gord* callate_gord* no_sirves idiota_de_remate de_remate cállate_la_boca
        cierra_la_boca cierra_el_pico vete_a_la_mierda vete_al_infierno que_te_jodan
        nadie_te_quiere nadie_te_soporta todos_te_odian nadie_te_va_a_querer das_asco das_pena
        no_vales_nada no_vales_para_nada no_sirves_para_nada no_sirves_ni hijo_de_puta
        me_das_asco todos_se_ríen_de_ti se_ríen_de_ti muérete púdrete""",
    "HUMILIATE": """
        humill* acos* ridiculiz* insult* intimid* amenaz* burl* calumni* difam* rumor* bulo*
        hundir* arruin* hacer_llorar hacerle_la_vida_imposible la_vida_imposible hacerle_llorar
        amargar* chantaj* aislar machacar* destroz* desprestigi* mofar* vejar* hagamos_llorar""",
    "MEAN": """
        cruel* hirient* ofensiv* insultante* humillante* malvad* venenos* denigrante* vejator*
        despiadad* anónim* fals* racist* machist* homófob* amenazador* desagradable* peor*
        peores odio""",
    "UTTER": """
        mensaje* chiste* comentario* apodo* mote motes post publicaci* rumor* insulto* carta*
        frase* meme* canción poema texto* reseña* tuit* bulo* burla* cosas discurso* correo*
        eslogan panfleto""",
    "CRY": """
        llore llorar llorando renuncie se_vaya deje_el_colegio cambie_de_colegio dimita
        vergüenza miedo se_hunda todos_se_rían se_rían no_vuelva no_quiera_venir borre""",
    "SUICIDE": """
        suicid* matarme quitarme_la_vida acabar_con_mi_vida terminar_con_mi_vida ahorcarme
        sobredosis morir morirme no_despertar* no_volver_a_despertar cortarme autolesion*
        cortarme_las_venas acabar_con_todo tirarme quitarte_la_vida matarte colgarme desangrarme""",
    "OWNHARM": """
        cansado_de_vivir cansada_de_vivir adiós_a_todos no_puedo_más_con_la_vida me_voy_a_tirar
        tirarme_por_el tirar_por_el_balcón saltar_del_puente saltar_del_balcón tomarme_todas
        no_le_veo_sentido_a_vivir me_quito_la_vida quito_la_vida ya_no_aguanto_ni me_tiro_por
        me_tiro_al me_ahorco me_corto_las_venas me_suicido me_mato_esta me_voy_a_matar
        voy_a_matarme quiero_morir quiero_morirme me_quiero_morir quiero_matarme me_quiero_matar
        voy_a_suicidarme suicidarme quitarme_la_vida no_quiero_vivir no_quiero_seguir_viviendo
        ya_no_quiero_vivir acabar_con_mi_vida ahorcarme cortarme_las_venas tirarme_al_tren
        tirarme_por carta_de_despedida nota_de_despedida nota_suicida me_corto_para hacerme_daño
        voy_a_acabar_con_todo me_tomaré_todas quemarme""",
    "METHOD": """
        método* manera* forma* sin_dolor indolor* rápid* segur* cuántas cuánta cuántos dosis
        pastillas soga nudo veneno eficaz""",
    "URGE": """
        mátate suicídate ahórcate tírate_por tírate_de tírate_al tirate_por tirate_de tírate
        córtate cortate córtate_las_venas cortate_las_venas cuélgate muérete_ya deberías_matarte
        deberías_morirte deberías_suicidarte nadie_te_echaría_de_menos nadie_te_va_a_extrañar
        mejor_sin_ti haznos_un_favor hazle_un_favor haz_un_favor_al_mundo tómate_las_pastillas
        bebe_lejía bébete_la_lejía deja_de_comer salta_del salta_de hazlo_de_una_vez
        corta_más_hondo mas_hondo""",
    "EATING": """
        vomit* laxante* anorexi* ayun* matarme_de_hambre no_comer dejar_de_comer pro-ana thinspo
        adelgazar bulimi* sin_comer""",
    "SELFINJURY": """
        cuchilla* navajita cicatrices cuántas_pastillas cuántos_somníferos dosis_letal
        dosis_mortal no_despertar venas muñecas cortarme_sin""",
    "DRUG": """
        metanfetamina* meta cristal cocaína coca heroína fentanilo lsd mdma éxtasis anfetamina*
        cannabis marihuana hierba droga* ketamina ghb burundanga escopolamina crack opio
        setas_alucinógenas hachís costo pastillas farlopa""",
    "DRUGVERB": """
        fabric* cocin* vend* compr* traf* pasar traer colar sintetiz* produc* cort* cultiv*
        laboratorio camello* gramos kilo kilos sacar esconder transport* elabor* distribu*
        echarle conseguir consigo""",
    "STEAL": """
        abrir~sin_llave rob* hurt* atrac* asalt* mangar birl* desvalij* carterista* colarme
        entrar_a entrar_en forzar forz* reventar* saque* puente puentear desactiv* malvers*
        llevarme abrir""",
    "LOOT": """
        tienda* casa casas piso pisos chalet coche* moto motos bici bicis bicicleta* joya*
        joyería* caja_fuerte banco* cajero* cartera* bolso* móvil* cerradura* dinero alarma*
        supermercado* almacén patinete* catalizador* local candado* garaje gasolina antirrobo*
        llave* cobre farmacia*""",
    "CRIME": """
        blanque* lavar_dinero lavado_de_dinero soborn* mordida contraband* trafic* trata
        prostitu* proxenet* rescate ransomware ddos sicario* incendi* prender_fuego pegar_fuego
        pegarle_fuego quemar_mi_restaurante seguro_pague fraude_al_seguro estafar_al_seguro
        robad* órgano* riñón furtiv* marfil evadir_impuestos evasión_fiscal cadáver* coartada
        en_su_bebida en_la_bebida en_su_copa en_la_copa drogarl* sumisión_química
        cuentakilómetros kilometraje peleas_de_perros peleas_de_gallos pornografía_infantil
        chantaje extorsi* secuestr* cruzar_la_frontera papeles_falsos esclav* obligarlas
        manipular_el_contador hackear vertido* falsificar_pruebas destruir_pruebas""",
    "FORGE": """
        falsific* falso falsa falsos falsas fals0s trucho* trucar copi* clon* imit* modific*
        manipul* imprim* firmo firmar inventar* suplant*""",
    "DOCUMENT": """
        pasaporte* dni carnet* carnets carné* título* diploma* factura* receta* firma firmo
        certificado* cheque* nómina* billete* visado* papeles permiso* licencia* documento*
        tarjeta* entrada* reseña* web página sello* contrato* testamento parte_médico baja
        justificante* notas expediente perfil sms correo* euros dinero ong anuncio*""",
    "PHISH": """
        phishing estafa* estaf* timo timos timar número_de_tarjeta números_de_tarjeta
        tarjetas_robadas tarjeta_robada tarjetas_de_crédito datos_bancarios esquema_ponzi
        piramidal* suplantación* cvv skimmer* mula página_falsa web_falsa tienda_falsa ong_falsa
        smishing fraude* timo_del clono_tarjetas clonar_tarjetas vaciarles inversión_falsa""",
    "DECEIVE": """
        engañ* estaf* tim* convenc* persuad* sacarle* sonsac* manipul* seduc* hacer_creer
        hacerles_creer aprovech* quedarme embauc* desplum* vaciar* cobrar* camel* inviertan
        me_den sacar""",
    "VICTIM": """
        jubilad* ancian* mayores abuel* viud* client* banco seguro aseguradora ahorros
        contraseña* clave* cuenta* tarjeta* transferencia* gente comprador* inquilin* dinero
        herencia emplead* donaciones donante* inversor* hacienda empresa* turistas pensionist*
        personas_mayores""",
    "SCAMLINE": """
        has_ganado ha_ganado cuenta~suspendida cuenta~bloqueada confirme_sus confirma_tus
        tarifa_de_gestión gastos_de_gestión gastos_de_envío~premio paquete~aduana
        haga_clic~confirmar verifique_su tarjetas_regalo tarjeta_regalo ganancias_garantizadas
        rentabilidad_garantizada duplica_tu duplique_su western_union hola_mamá hola_papá
        número_nuevo~dinero pincha_aquí~cuenta premio~tarjeta""",
    "POSE": """
        hacerme_pasar_por haciéndome_pasar hacerse_pasar fingiendo_ser finge_ser como_si_fuera
        en_nombre_de de_parte_del_banco suplantando simulando_ser que_parezca_del fingir_que_soy""",
    "PAYME": """
        dinero ahorros contraseña* clave* pin cuenta transferencia* tarjeta* euros pag* bizum
        donaciones código* inviertan datos bitcoin""",
    "SECRETLY": """
        en_secreto secretamente a_escondidas oculto* oculta* escondid* sin_que_ella sin_que_él
        sin_que_lo_sepa sin_que_se_entere sin_que_se_dé_cuenta sin_que_se_de_cuenta
        sin_su_permiso sin_su_consentimiento disimulad* sin_que_sepa sin_avisar invisible*
        sin_que_se_enteren sin_que_note a_sus_espaldas""",
    "SPY": """
        espi* vigil* rastre* seguir sigo leer leo escuch* grab* film* localiz* hacke* hackear
        intercept* acceder acceso entrar_en entrar_al fotograf* pinchar geolocaliz* stalke*
        monitor* clonar ver instalar mirar controlar revisar meterme""",
    "DEVICE": """
        móvil celular teléfono* whatsapp mensajes mensaje chats correo* cuenta instagram
        facebook ubicación llamadas ordenador portátil computadora conversacion* contraseña*
        coche diario fotos gps historial telegram""",
    "PRIVATE": """
        dirección* domicilio número* teléfono telefono trabajo vive escuela colegio nombre_real
        identidad fotos desnud* íntim* matrícula datos dni horario* información historial""",
    "EXPOSE": """
        public* difund* filtr* busc* búscame encuentr* averigu* averigua consigue consígueme
        compart* revel* subir sube doxe* localiz* identific* esperarla esperarlo publica
        encontrar""",
    "LOCATE": """
        dónde~vive dónde~trabaja donde~vive dirección_de_mi_ex dónde_vive donde_vive
        dónde_trabaja donde_trabaja dónde_está donde_está su_dirección la_dirección_de
        nueva_dirección domicilio_de seguirla seguirlo la_sigo lo_sigo hasta_su_casa
        en_la_puerta_de_su_casa quién_es_esta quién_es_esa cómo_se_llama_y a_qué_colegio
        esperarla""",
    "DOX": """
        dox doxx* doxear spyware keylogger* programa_espía app_espía aplicación_espía
        software_espía cámara_oculta cámara_espía micrófono_oculto rastreador* localizador_gps
        airtag* porno_vengativo""",
    "CAMERA": """
        cámara* micrófono* micro micros rastreador* localizador* airtag* webcam* grabadora* gps
        dron""",
    "ROOM": """
        ducha* baño* dormitorio* habitación* vestuario* probador* aseo* sauna hotel* airbnb
        bajo_la_falda su_coche su_bolso piso_de_estudiantes residencia* cuarto mochila""",
    "EVADE": """
        sin_que~entere sin_que~sepa sin_que~note sin_que~vea sin_que~salte sin_que~descubra*
        sin_que~pille* para_que_nadie~sepa para_que_nadie_se sin_ser_visto sin_que_me_vean
        sin_activar sin_que_me_pillen sin_que_me_cojan sin_que_me_descubran sin_que_me_atrapen
        sin_ser_descubiert* sin_dejar_rastro sin_dejar_huella* sin_rastro sin_que_nadie
        sin_que_la_policía sin_que_se_note sin_que_el_banco sin_que_la_tienda sin_que_el_dueño
        que_nadie_sospeche nadie_sospeche nadie_se_entere nadie_lo_note sin_levantar_sospechas
        sin_sospechas indetectable* irrastreable* parezca_un_accidente como_un_accidente
        pasan_cualquier_control pasen_por_verdader* parezca_real parezca_auténtic* sin_preguntas
        sin_que_se_entere sin_que_lo_sepa sin_que_suene sin_que_se_dé_cuenta sin_que_sospeche*
        sin_que_mis_padres esquivar_a_la_policía burlar no_lo_note""",
    "PREVENT": """
        me_roban me_han_robado me_robaron alertar al_médico un_médico detectar ayudo_a ayudar_a
        mi_hijo mi_hija no_es_la_solución nunca_es_la_solución jamás_es_la_solución ayudar_a_una
        ayudar_a_un proteg* protección evitar evito prevenir prevención denunci* reconoc*
        ayuda_a víctima* teléfono_de_la_esperanza línea_de_ayuda 016 024 tratamiento* terapia*
        psicólog* primeros_auxilios intoxicación síntoma* lucha_contra contra_el_acoso
        contra_la_violencia no_a_la condena* inaceptable* segurid* por_accidente sin_querer
        por_error concienci* antivirus eliminar_un acompañ* apoyar anticoncep* me_roben
        me_estafen me_engañen rechaz* nadie_merece antiincendios""",
    "EDU": """
        derecho_penal derecho_español derecho_internacional historia siglo* guerra* históric*
        edad_media guardia_civil policía_detuvo la_policía_ha tribunal juicio conden* detuv*
        deten* detenid* investig* periódico noticia* artículo* documental* estudio* estadística*
        museo* trabajo_sobre redacción clase_de ley leyes legal* código_penal diferencia_entre
        parlamento ministr* holocausto inquisición genocidio esclavitud según fuentes
        desactiv*_la artificier* causas_de memoria""",
    "FICTION": """
        guion_de_cine guión_de narrador protagonista* santiago novela* película* peli serie*
        libro cuento* personaje* escena obra teatro capítulo juego juegos jugar videojuego*
        minecraft nivel misión ronda dragón dragones caballer* brujo* ajedrez torre peón alfil
        reina cómic* manga héroe* zombi* zombis pirata* poema* canción villano* vampir*
        detective*""",
    "GAME": "juego juegos videojuego* minecraft nivel misión ronda jefe_final partida ajedrez mapa",
    "TECH": """
        proceso* servidor* linux windows ubuntu docker contenedor* hilo hilos demonio terminal
        base_de_datos consulta* código script* python api puerto* paquete comando memoria
        superficie_de_ataque depuración migración pod cola""",
    "IDIOM": """
        cucarachas ratas ratones muero_de_ganas muero_de_risa morirse_de_risa muero_de_hambre
        muriendo_de_hambre muero_de_sueño me_muero_de me_muero_por para_morirse matar_el_tiempo
        matar_el_gusanillo dos_pájaros de_un_tiro bomba_de_baño pasarlo_bomba la_bomba
        tiro_al_aire pistola_de_silicona pistola_de_agua mosquito* malas_hierbas hormigas
        avispas caracoles bacterias virus moho pulgones pulgas claras crema pesca caza cazador*
        judo kárate boxeo artes_marciales cuchillo_de_cocina cuchillo_jamonero matanza matadero*
        pollos tomar_el_pelo echar_un_cable ganas_de_verte partirse_de_risa""",
    "SURPRISE": "sorpresa* cumpleaños regalo* navidad fiesta boda aniversario",
    "NOT": "no nunca jamás ningún ninguna nadie ni tampoco deja_de dejen_de",
    "CUES": """
        yo me mi mis quiero necesito dónde qué cómo busco precio* envío* gramo* kilo*
        sin_advertencias guía por_favor""",
    "EXPLODE": "volar vuele explote explot* estall* hacer_estallar detonar reventar",
    "FICTIT": """
        no_existe no_existen inexistente* inventad* ficticio* ficticia* fantasma imaginari*
        nunca_ocurrió fals* que_no_tengo""",
    "DENY": """
        no_son_personas no_son_humanos no_sean_seres no_son_seres no_pertenecen no_deberían
        no_tienen_derecho no_merecen no_se_puede_confiar""",
    "STALK": "espi* stalke*",
}
